"""What do the pages of models show, and which process asks the model for them?"""
