"""What does the Streamlit app consist of: its state, its pages, their parts?"""
