"""Many boards: what each announces over MQTT, how all of them are seen in one table, and how they get models."""
