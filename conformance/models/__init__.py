"""Small models of the services, with which stateful checks compare a target.

A model knows neither HTTP nor the target.
"""
