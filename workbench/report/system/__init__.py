"""What is stated of the audited system, its purpose and its data?"""
