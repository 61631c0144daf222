"""Calls of Debian's hvac, as it is, on the server at VAULT_ADDR, whose root token is ROOT_TOKEN; prints what came of them as JSON.

LIST_BY says how lists are asked for: "verb" (LIST), "query" (hvac's strict_http), or "refused" (LIST, which a bare Worker answers with 501).
"""

import json
import os
import traceback

import hvac
from hvac import exceptions

URL, ROOT, LIST_BY = os.environ["VAULT_ADDR"], os.environ["ROOT_TOKEN"], os.environ["LIST_BY"]
made = refused = 0


def client(token=ROOT):
    def count(response, *_, **__):
        global made, refused
        made += 1
        refused += response.status_code == 501

    new = hvac.Client(URL, token=token, strict_http=LIST_BY == "query")
    new.session.hooks["response"].append(count)
    return new


def raises(error, call, message=""):
    try:
        call()
    except error as caught:
        assert message in str(caught), f"{message!r} is not in {caught!s}"
        return
    raise AssertionError(f"no {error.__name__}")


def lists(call, expected):
    """`call` asks for a list. hvac takes a 501 for a server that has not been initialized."""
    if LIST_BY == "refused":
        return raises(exceptions.VaultNotInitialized, call, "Unrecognized request method")
    keys = call()["data"]["keys"]
    assert keys == expected, f"{keys} in place of {expected}"


def equal(got, expected):
    assert got == expected, f"{got!r} in place of {expected!r}"


def includes(got, expected):
    for name, value in expected.items():
        equal(got.get(name), value)


def kv2_writes_and_reads():
    v2 = client().secrets.kv.v2
    equal(v2.create_or_update_secret("app", {"user": "ada", "big": 12345678901234567890})["data"]["version"], 1)
    equal(v2.create_or_update_secret("app", {"user": "grace"}, cas=1)["data"]["version"], 2)
    equal(v2.read_secret("app")["data"]["data"], {"user": "grace"})
    equal(v2.read_secret_version("app", version=1)["data"]["data"], {"user": "ada", "big": 12345678901234567890})
    raises(exceptions.InvalidPath, lambda: v2.read_secret_version("nothing"))


def kv2_check_and_set():
    v2 = client().secrets.kv.v2
    v2.create_or_update_secret("cas", {}, cas=0)
    for cas in (0, -1, 7):
        raises(exceptions.InvalidRequest, lambda: v2.create_or_update_secret("cas", {}, cas=cas), "did not match the current version")


def kv2_patches_by_reading_first():
    v2 = client().secrets.kv.v2
    v2.create_or_update_secret("patched", {"a": 1, "b": 2})
    equal(v2.patch("patched", {"b": 3})["data"]["version"], 2)
    equal(v2.read_secret("patched")["data"]["data"], {"a": 1, "b": 3})
    raises(exceptions.InvalidPath, lambda: v2.patch("nothing", {}), "patch only works on existing data")


def kv2_deletes_undeletes_and_destroys():
    v2 = client().secrets.kv.v2
    for n in (1, 2, 3):
        v2.create_or_update_secret("versions", {"n": n})
    equal(v2.delete_latest_version_of_secret("versions").status_code, 204)
    raises(exceptions.InvalidPath, lambda: v2.read_secret("versions"))
    equal(v2.undelete_secret_versions("versions", [3]).status_code, 204)
    equal(v2.read_secret("versions")["data"]["data"], {"n": 3})
    equal(v2.delete_secret_versions("versions", [2, 9]).status_code, 204)
    equal(v2.destroy_secret_versions("versions", [1]).status_code, 204)
    versions = v2.read_secret_metadata("versions")["data"]["versions"]
    equal([versions[n]["destroyed"] for n in "123"], [True, False, False])
    equal([versions[n]["deletion_time"] != "" for n in "123"], [False, True, False])
    equal(v2.delete_metadata_and_all_versions("versions").status_code, 204)
    raises(exceptions.InvalidPath, lambda: v2.read_secret_metadata("versions"))


def kv2_metadata_and_settings():
    vault = client()
    vault.sys.enable_secrets_engine("kv", path="settings", options={"version": 2})
    v2 = vault.secrets.kv.v2
    v2.update_metadata("app", max_versions=7, cas_required=True, delete_version_after="30m", mount_point="settings")
    about = v2.read_secret_metadata("app", mount_point="settings")["data"]
    includes(about, {"max_versions": 7, "cas_required": True, "delete_version_after": "30m0s", "current_version": 0, "versions": {}})
    v2.configure(max_versions=3, cas_required=True, delete_version_after="3h25m19s", mount_point="settings")
    settings = v2.read_configuration(mount_point="settings")["data"]
    includes(settings, {"max_versions": 3, "cas_required": True, "delete_version_after": "3h25m19s"})
    write = lambda: v2.create_or_update_secret("other", {}, mount_point="settings")
    raises(exceptions.InvalidRequest, write, "check-and-set parameter required for this call")


def kv2_lists():
    vault = client()
    vault.sys.enable_secrets_engine("kv-v2", path="listed")
    v2 = vault.secrets.kv.v2
    for path in ("b", "a", "a/deep"):
        v2.create_or_update_secret(path, {}, mount_point="listed")
    lists(lambda: v2.list_secrets("", mount_point="listed"), ["a", "a/", "b"])
    lists(lambda: v2.list_secrets("a", mount_point="listed"), ["deep"])
    if LIST_BY != "refused":
        raises(exceptions.InvalidPath, lambda: v2.list_secrets("nothing", mount_point="listed"))
    # This one asks by the query, with a capital letter, in any case.
    equal(vault.list("listed/metadata/a")["data"]["keys"], ["deep"])


def kv1_writes_reads_lists_and_deletes():
    vault = client()
    vault.sys.enable_secrets_engine("kv", path="kv1", options={"version": 1})
    v1 = vault.secrets.kv.v1
    write = lambda secret, **how: v1.create_or_update_secret("hvac", secret, mount_point="kv1", **how).status_code
    equal([write({"n": 1}), write({"n": 2}), write({"n": 3}, method="POST"), write({"n": 4}, method="PUT")], [204] * 4)
    equal(v1.read_secret("hvac", mount_point="kv1")["data"], {"n": 4})
    lists(lambda: v1.list_secrets("", mount_point="kv1"), ["hvac"])
    equal(v1.delete_secret("hvac", mount_point="kv1").status_code, 204)
    raises(exceptions.InvalidPath, lambda: v1.read_secret("hvac", mount_point="kv1"))


def mounts_are_made_tuned_moved_and_removed():
    sys = client().sys
    sys.enable_secrets_engine("kv", path="team", description="of the team", options={"version": 2})
    mounts = sys.list_mounted_secrets_engines()
    for at in (mounts, mounts["data"]):
        includes(at["team/"], {"type": "kv", "description": "of the team", "options": {"version": "2"}})
    equal(sys.retrieve_mount_option("team", "version", "1"), "2")
    sys.tune_mount_configuration("team", default_lease_ttl="1h", max_lease_ttl="2h", description="tuned")
    includes(sys.read_mount_configuration("team")["data"], {"default_lease_ttl": 3600, "max_lease_ttl": 7200, "description": "tuned"})
    sys.move_backend("team", "moved")
    assert "moved/" in sys.list_mounted_secrets_engines()["data"]
    sys.disable_secrets_engine("moved")
    assert "moved/" not in sys.list_mounted_secrets_engines()["data"]


def the_server_tells_what_it_is():
    vault = client(token=None)
    equal([vault.sys.is_initialized(), vault.sys.is_sealed(), vault.ha_status["ha_enabled"]], [True, False, False])
    equal(vault.sys.read_health_status().status_code, 200)
    includes(vault.sys.read_health_status(method="GET"), {"initialized": True, "sealed": False, "standby": False})
    includes(vault.sys.read_seal_status(), {"sealed": False, "t": 1, "n": 1})
    equal(vault.is_authenticated(), False)
    equal(client("s.wrong").is_authenticated(), False)


def policies_are_written_read_listed_and_removed():
    vault = client()
    reader = {"path": {"secret/data/app": {"capabilities": ["read"]}}}
    vault.sys.create_or_update_policy("reader", reader)
    assert "secret/data/app" in vault.sys.read_policy("reader")["data"]["rules"]
    equal(vault.get_policy("reader", parse=False).strip()[0], "{")
    equal(vault.sys.list_policies()["data"]["policies"], ["default", "reader", "root"])
    auth = vault.auth.token.create(policies=["reader"])["auth"]
    own = client(auth["client_token"])
    vault.secrets.kv.v2.create_or_update_secret("app", {"user": "ada"})
    equal(own.secrets.kv.v2.read_secret("app")["data"]["data"], {"user": "ada"})
    raises(exceptions.Forbidden, lambda: own.secrets.kv.v2.create_or_update_secret("app", {}), "permission denied")
    for asking, who in ((own, {}), (vault, {"token": auth["client_token"]}), (vault, {"accessor": auth["accessor"]})):
        equal(asking.sys.get_capabilities(["secret/data/app"], **who)["data"]["capabilities"], ["read"])
    vault.sys.delete_policy("reader")
    raises(exceptions.Forbidden, lambda: own.secrets.kv.v2.read_secret("app"))


def tokens_are_made_looked_up_renewed_and_revoked():
    vault = client()
    tokens = vault.auth.token
    auth = tokens.create(policies=["default"], ttl="1h", meta={"team": "a"}, display_name="app", num_uses=0)["auth"]
    token, accessor = auth["client_token"], auth["accessor"]
    includes(auth, {"lease_duration": 3600, "renewable": True, "policies": ["default"], "metadata": {"team": "a"}, "orphan": False})
    includes(tokens.lookup(token)["data"], {"id": token, "display_name": "token-app"})
    includes(tokens.lookup_accessor(accessor)["data"], {"accessor": accessor, "id": ""})
    if LIST_BY == "refused":
        raises(exceptions.VaultNotInitialized, tokens.list_accessors)
    else:
        assert accessor in tokens.list_accessors()["data"]["keys"]
    own = client(token)
    equal(own.is_authenticated(), True)
    equal(own.auth.token.lookup_self()["data"]["meta"], {"team": "a"})
    equal(own.auth.token.renew_self(increment="2h")["auth"]["lease_duration"], 7200)
    equal(tokens.renew(token, increment="90m")["auth"]["lease_duration"], 5400)
    equal(tokens.renew_accessor(accessor, increment="30m")["auth"]["client_token"], "")
    own.auth.token.revoke_self()
    raises(exceptions.Forbidden, own.auth.token.lookup_self)
    raises(exceptions.Forbidden, lambda: tokens.lookup(token))

    batch = tokens.create(type="batch", ttl="1h", policies=["default"])["auth"]
    equal(batch["token_type"], "batch")
    raises(exceptions.InvalidRequest, lambda: tokens.renew(batch["client_token"]), "batch tokens cannot be renewed")
    others = [tokens.create()["auth"] for _ in range(2)]
    tokens.revoke(others[0]["client_token"])
    tokens.revoke_accessor(others[1]["accessor"])
    for other in others:
        raises(exceptions.Forbidden, client(other["client_token"]).auth.token.lookup_self)
    raises(exceptions.InvalidRequest, lambda: tokens.lookup_accessor(others[1]["accessor"]))
    parent = tokens.create(policies=["root"])["auth"]["client_token"]
    child = client(parent).auth.token.create()["auth"]["client_token"]
    tokens.revoke_and_orphan_children(parent)
    equal(tokens.lookup(child)["data"]["orphan"], True)
    tokens.tidy()


def tokens_are_made_by_roles():
    tokens = client().auth.token
    tokens.create_or_update_role("app", allowed_policies=["default"], orphan=True, path_suffix="ci-1")
    includes(tokens.read_role("app")["data"], {"allowed_policies": ["default"], "orphan": True, "path_suffix": "ci-1"})
    lists(tokens.list_roles, ["app"])
    includes(tokens.create(role_name="app")["auth"], {"policies": ["default"], "orphan": True})
    tokens.delete_role("app")
    raises(exceptions.InvalidPath, lambda: tokens.read_role("app"))


def answers_are_wrapped_and_unwrapped_once():
    vault = client()
    wrapped = vault.auth.token.create(ttl="1h", wrap_ttl="1m")["wrap_info"]
    includes(wrapped, {"ttl": 60, "creation_path": "auth/token/create"})
    equal(vault.sys.unwrap(wrapped["token"])["auth"]["lease_duration"], 3600)
    raises(exceptions.InvalidRequest, lambda: vault.sys.unwrap(wrapped["token"]))
    read = vault.read("secret/data/app", wrap_ttl="1m")["wrap_info"]
    equal(client(read["token"]).sys.unwrap()["data"]["data"], {"user": "ada"})


def approle_logs_in():
    vault = client()
    vault.sys.enable_auth_method("approle")
    approle = vault.auth.approle
    approle.create_or_update_approle("app", token_policies=["default"], token_ttl="1h", secret_id_num_uses=3)
    includes(approle.read_role("app")["data"], {"token_policies": ["default"], "token_ttl": 3600, "secret_id_num_uses": 3})
    lists(approle.list_roles, ["app"])
    approle.update_role_id("app", "the-app")
    role_id = approle.read_role_id("app")["data"]["role_id"]
    equal(role_id, "the-app")
    made = approle.generate_secret_id("app", metadata={"host": "a"})["data"]
    secret_id, accessor = made["secret_id"], made["secret_id_accessor"]
    equal(approle.read_secret_id("app", secret_id)["data"]["metadata"], {"host": "a"})
    equal(approle.read_secret_id_accessor("app", accessor)["data"]["secret_id_accessor"], accessor)
    lists(lambda: approle.list_secret_id_accessors("app"), [accessor])
    own = client(token=None)
    equal(own.auth.approle.login(role_id, secret_id)["auth"]["metadata"], {"host": "a", "role_name": "app"})
    equal(own.auth.token.lookup_self()["data"]["path"], "auth/approle/login")
    approle.destroy_secret_id("app", secret_id)
    raises(exceptions.InvalidRequest, lambda: own.auth.approle.login(role_id, secret_id), "invalid role or secret ID")
    custom = approle.create_custom_secret_id("app", "chosen-by-us")["data"]["secret_id_accessor"]
    own.auth.approle.login(role_id, "chosen-by-us")
    approle.destroy_secret_id_accessor("app", custom)
    raises(exceptions.InvalidRequest, lambda: own.auth.approle.login(role_id, "chosen-by-us"))
    approle.delete_role("app")
    raises(exceptions.InvalidPath, lambda: approle.read_role("app"))


def userpass_logs_in():
    vault = client()
    vault.sys.enable_auth_method("userpass", path="people", description="who has a password")
    vault.sys.tune_auth_method("people", default_lease_ttl="30m", description="tuned")
    includes(vault.sys.read_auth_method_tuning("people")["data"], {"default_lease_ttl": 1800, "description": "tuned"})
    equal(vault.sys.list_auth_methods()["data"]["people/"]["type"], "userpass")
    people = vault.auth.userpass
    people.create_or_update_user("ada", password="correct horse", policies="default", mount_point="people")
    equal(people.read_user("ada", mount_point="people")["data"]["token_policies"], ["default"])
    lists(lambda: people.list_user(mount_point="people"), ["ada"])
    people.update_password_on_user("ada", "battery staple", mount_point="people")
    own = client(token=None)
    raises(exceptions.InvalidRequest, lambda: own.auth.userpass.login("ada", "correct horse", mount_point="people"))
    equal(own.auth.userpass.login("ada", "battery staple", mount_point="people")["auth"]["lease_duration"], 1800)
    equal(own.is_authenticated(), True)
    own.logout(revoke_token=True)
    people.delete_user("ada", mount_point="people")
    raises(exceptions.InvalidPath, lambda: people.read_user("ada", mount_point="people"))
    vault.sys.disable_auth_method("people")
    assert "people/" not in vault.sys.list_auth_methods()["data"]


def any_path_is_read_written_listed_and_deleted():
    vault = client()
    vault.write("cubbyhole/own", n=1)
    equal(vault.read("cubbyhole/own")["data"], {"n": 1})
    equal(vault.list("cubbyhole")["data"]["keys"], ["own"])
    vault.delete("cubbyhole/own")
    equal(vault.read("cubbyhole/own"), None)


def audit_is_switched_on_and_off():
    sys = client().sys
    sys.enable_audit_device("store", path="log")
    equal(sys.list_enabled_audit_devices()["data"]["log/"]["type"], "store")
    assert sys.calculate_hash("log", "text")["data"]["hash"].startswith("hmac-sha256:")
    sys.disable_audit_device("log")
    equal(sys.list_enabled_audit_devices()["data"], {})


RULES = [
    kv2_writes_and_reads,
    kv2_check_and_set,
    kv2_patches_by_reading_first,
    kv2_deletes_undeletes_and_destroys,
    kv2_metadata_and_settings,
    kv2_lists,
    kv1_writes_reads_lists_and_deletes,
    mounts_are_made_tuned_moved_and_removed,
    the_server_tells_what_it_is,
    policies_are_written_read_listed_and_removed,
    tokens_are_made_looked_up_renewed_and_revoked,
    tokens_are_made_by_roles,
    answers_are_wrapped_and_unwrapped_once,
    approle_logs_in,
    userpass_logs_in,
    any_path_is_read_written_listed_and_deleted,
    audit_is_switched_on_and_off,
]

results = []
for rule in RULES:
    before, refused = made, 0
    try:
        rule()
        problem = None
    except Exception:
        problem = traceback.format_exc(limit=-2)
    results.append({"rule": rule.__name__, "calls": made - before, "refused": refused, "problem": problem})
print(json.dumps(results))
