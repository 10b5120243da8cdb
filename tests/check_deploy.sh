#!/bin/sh
# `manage.py check --deploy` must be clean with the settings of a production deployment.
set -eu
DEBUG='' SECRET_KEY="$(${PYTHON:-python3} -c 'import secrets; print(secrets.token_urlsafe(60))')" \
ALLOWED_HOSTS=sync.example.com BENCHLING_URL=https://example.benchling.com \
BENCHLING_CLIENT_ID=id BENCHLING_CLIENT_SECRET=secret BENCHLING_APP_ID=app_1 \
BENCHLING_APP_DEFINITION_ID=appdef_1 REDIS_URL=redis://127.0.0.1:6379/0 \
BENCHLING_PRIVATE_KEY="$(${PYTHON:-python3} -c '
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import rsa
key = rsa.generate_private_key(65537, 2048)
print(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode())')" \
${PYTHON:-python3} manage.py check --deploy --fail-level WARNING
