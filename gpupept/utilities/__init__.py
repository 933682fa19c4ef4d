"""Reading text files, finding cutpoints and other tools used across the package."""
