"""What is done with models: trained, searched, evaluated, imported?"""
