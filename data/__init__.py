"""What are a picture, a label, a row of features and a prediction, and how are they kept? No torch, no user interface."""
