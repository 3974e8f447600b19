"""On which pages of the app do people decide: reviews of findings, labels of pictures?"""
