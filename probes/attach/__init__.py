"""What does a multimodal language model do with a picture, inside, unchanged?"""
