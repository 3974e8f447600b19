"""What changed from one model to another on the same pictures?"""
