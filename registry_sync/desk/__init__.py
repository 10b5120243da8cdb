"""What the admin's pages ask; commands may ask it too."""
