"""PlantedSkew: data whose right answer is known, and how often it is given."""
