"""Reading, reducing and writing the models of AWS's APIs."""
