"""Pages for people: a run as one offline HTML file, and two runs side by side. Trains nothing."""
