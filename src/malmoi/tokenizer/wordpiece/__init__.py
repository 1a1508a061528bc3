"""WordPiece (Schuster and Nakajima 2012; Devlin et al. 2018)."""
