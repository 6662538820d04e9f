"""The exports of other programs, made by us in the shape that each describes or tests with."""

from __future__ import annotations

import base64
import json

KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
RAW = base64.b32decode(KEY)
URI = f"otpauth://totp/ACME:ana?secret={KEY}&issuer=ACME&algorithm=SHA256&digits=8&period=60"
STEAM = f"steam://{KEY}"

PLAIN, SHA256 = ("SHA1", 6, 30), ("SHA256", 8, 60)


def app(**names):
    """What apps write of an entry, under their own names."""
    return names


TWOFAS = {
    "name": "ACME", "secret": KEY, "updatedAt": 1, "order": {"position": 0},
    "otp": {"label": "x", "account": "ana", "issuer": "ACME", "digits": 8, "period": 60,
            "algorithm": "SHA256", "counter": 0, "tokenType": "TOTP", "source": "Link"},
}  # fmt: skip
ANDOTP = app(secret=KEY, issuer="ACME", label="ana", digits=8, type="TOTP", algorithm="SHA256",
             thumbnail="Default", last_used=0, used_frequency=0, period=60, tags=[])  # fmt: skip
RAIVO = app(account="ana", issuer="ACME", secret=KEY, algorithm="SHA256", digits="8", kind="TOTP",
            timer="60", counter="0", iconValue="", iconType="", pinned="false")  # fmt: skip
STRATUM = {"Type": 2, "Icon": None, "Issuer": "ACME", "Username": "ana", "Secret": KEY, "Pin": None,
           "Algorithm": 1, "Digits": 8, "Period": 60, "Counter": 0, "Ranking": 0}  # fmt: skip
TWOFAUTH = app(otp_type="totp", account="ana", service="ACME", icon=None, secret=KEY, digits=8,
               algorithm="sha256", period=60, counter=None, legacy_uri=URI)  # fmt: skip
AEGIS = {"type": "totp", "uuid": "1", "name": "ana", "issuer": "ACME", "note": "", "icon": None,
         "icon_hash": None, "favorite": False, "groups": [],
         "info": {"secret": KEY, "algo": "SHA256", "digits": 8, "period": 60}}  # fmt: skip
FREEOTP = app(label="ana", issuerExt="ACME", issuerInt="ACME", algo="SHA256", counter=0, digits=8,
              period=60, type="TOTP",
              secret=[byte - 256 if byte > 127 else byte for byte in RAW])  # fmt: skip
AUTHY = app(account_type="authenticator", decrypted_seed=KEY, digits=6, issuer=None, name="ana",
            original_name="ACME:ana", unique_id="1")  # fmt: skip


def bitwarden(totp, **login):
    return {"type": 1, "name": "ACME", "login": {"username": "ana", "totp": totp, **login}}


def keycloak(value, name="ana", **data):
    data = {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1",
            **data}  # fmt: skip
    texts = {"secretData": json.dumps({"value": value}), "credentialData": json.dumps(data)}
    password = {"type": "password", "secretData": "{}", "credentialData": "{}"}
    return {"username": name, "credentials": [password, {"type": "otp", **texts}]}


def fusionauth(method="authenticator", **more):
    key = base64.b64encode(RAW).decode()
    how = {"algorithm": "HmacSHA256", "codeLength": 8, "timeStep": 60}
    methods = [{"method": method, "secret": key, "authenticator": how, **more}]
    return {"email": "ana", "twoFactor": {"methods": methods}}


def allauth(kind, **data):
    return {"model": "mfa.authenticator", "pk": 1, "fields": {"user": ["ana"], "type": kind,
            "data": data}}  # fmt: skip


def hotpdevice():
    return {"model": "otp_hotp.hotpdevice", "pk": 1, "fields": {"user": ["bob"], "key": "00"}}


# Format: the document, the parameters of `ana`, how many are refused, how many have no key.
DOCUMENTS = {
    "2fas": ({"services": [TWOFAS, {**TWOFAS, "otp": {**TWOFAS["otp"], "tokenType": "STEAM"}}],
              "groups": [], "schemaVersion": 4}, SHA256, 1, 0),
    "2fauth": ({"app": "2fauth_v5", "schema": 1, "data": [
        TWOFAUTH, {**TWOFAUTH, "otp_type": "steamtotp"}, {**TWOFAUTH, "counter": 7}]},
        SHA256, 2, 0),
    "aegis": ({"version": 1, "header": {"slots": None, "params": None}, "db": {
        "version": 3, "entries": [AEGIS, {**AEGIS, "type": "steam"}, {**AEGIS, "info": None}]}},
        SHA256, 2, 0),
    "andotp": ([ANDOTP, {**ANDOTP, "type": "HOTP", "counter": 1}, {**ANDOTP, "type": "STEAM"}],
               SHA256, 2, 0),
    "auth0": ([{"email": "ana", "mfa_factors": [{"totp": {"secret": KEY}}]},
               {"email": "bob", "mfa_factors": [{"phone": {"value": "+1"}}]}, {"email": "cid"},
               {"email": "dan", "mfa_factors": [{"totp": {}}]}], PLAIN, 0, 3),
    "authy": ({"message": "success", "decrypted_authenticator_tokens": [
        AUTHY, {**AUTHY, "digits": 7, "account_type": "sendgrid"}]}, PLAIN, 1, 0),
    "bitwarden": ({"encrypted": False, "folders": [], "items": [
        bitwarden(URI), bitwarden(None), bitwarden(STEAM), {"type": 2, "name": "a note"}]},
        SHA256, 1, 2),
    "django": ([allauth("totp", secret=KEY), allauth("recovery_codes", seed="x"),
                hotpdevice()], PLAIN, 1, 1),
    "freeotp": ({"tokenOrder": ["ACME:ana"], "tokens": [FREEOTP, {**FREEOTP, "type": "HOTP"}]},
                SHA256, 1, 0),
    "fusionauth": ({"users": [fusionauth(), fusionauth("sms"), {"email": "bob"},
                              fusionauth(secret="!")]}, SHA256, 1, 2),
    "keycloak": ({"realm": "x", "users": [
        keycloak(KEY, secretEncoding="BASE32"), {"username": "bob", "credentials": []},
        keycloak(KEY, "cid", subType="hotp"), keycloak(5, "dan")]}, PLAIN, 2, 4),
    "proton": ({"version": 1, "entries": [
        {"id": "1", "content": {"uri": URI, "entry_type": "Totp", "name": "x"}, "note": None},
        {"id": "2", "content": {"uri": STEAM, "entry_type": "Steam", "name": "y"}}]}, SHA256, 1, 0),
    "raivo": ([RAIVO, {**RAIVO, "kind": "HOTP"}], SHA256, 1, 0),
    "stratum": ({"Authenticators": [STRATUM, {**STRATUM, "Type": 4}, {**STRATUM, "Algorithm": 9}],
                 "Categories": [], "CustomIcons": []}, SHA256, 2, 0),
    "supertokens": ({"users": [
        {"externalUserId": "ana", "loginMethods": [{"recipeId": "emailpassword", "email": "a@b"}],
         "totpDevices": [{"secretKey": KEY, "period": 30, "skew": 1, "deviceName": "phone"}]},
        {"externalUserId": "bob", "loginMethods": [], "totpDevices": []},
        {"loginMethods": [], "totpDevices": [{"secretKey": KEY}]}]}, PLAIN, 1, 1),
}  # fmt: skip
