"""What integration tests are made of: nginx, clients, events, and services that play AWS."""
