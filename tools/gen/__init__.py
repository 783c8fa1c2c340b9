"""Generation of C from models/."""
