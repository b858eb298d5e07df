"""HubSpot: deals with line items or accepted quotes as contracts."""
