"""The stories the company's records tell, each a function that writes its rows and says what they must come to."""
