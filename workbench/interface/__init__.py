"""What are all commands and pages made with: options, numbers, colours, templates?"""
