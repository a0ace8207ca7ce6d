"""Small models of the services; stateful checks compare a target with them.

Strategies and checks use them. A model knows neither HTTP nor the target.
"""
