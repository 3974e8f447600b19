"""Are hidden slices found that were put into embeddings or features?"""
