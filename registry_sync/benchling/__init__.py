"""The platform: client, app configuration, schemas, bulk upsert."""
