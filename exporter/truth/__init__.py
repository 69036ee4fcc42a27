"""The method, checked where the truth is known: pictures on which masks say what stands where."""
