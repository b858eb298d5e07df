"""Stateful emulators of Salesforce, HubSpot and Stripe over real HTTP on loopback; they import nothing of the product."""
