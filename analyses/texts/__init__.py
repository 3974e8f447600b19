"""What do texts about pictures say, of whom, and do they admit what decided them?"""
