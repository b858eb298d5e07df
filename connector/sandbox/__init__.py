"""Stateful emulators of Salesforce, HubSpot and Stripe over HTTP on loopback; they import nothing of the product."""
