"""Small models that stateful checks compare a target with."""
