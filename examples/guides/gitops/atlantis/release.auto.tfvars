release = "1.4.0"
