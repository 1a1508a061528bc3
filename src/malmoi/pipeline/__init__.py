"""From a recipe to the stages."""
