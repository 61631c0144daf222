/**
 * What every token may do unless it was made without: things about itself, and things that give away nothing that it doesn't know. What is about
 * identities is not in it, because there are none.
 */
export const DEFAULT_POLICY = `
# A token may look at itself, live longer and end.
path "auth/token/lookup-self" {
    capabilities = ["read"]
}
path "auth/token/renew-self" {
    capabilities = ["update"]
}
path "auth/token/revoke-self" {
    capabilities = ["update"]
}

# It may ask what it may do.
path "sys/capabilities-self" {
    capabilities = ["update"]
}
path "sys/internal/ui/resultant-acl" {
    capabilities = ["read"]
}

# Who knows the id of a lease may look at it and renew it.
path "sys/leases/lookup" {
    capabilities = ["update"]
}
path "sys/leases/renew" {
    capabilities = ["update"]
}

# Every token has a cubbyhole of its own.
path "cubbyhole/*" {
    capabilities = ["create", "read", "update", "delete", "list"]
}

# It may wrap what it has, and open what was wrapped for it.
path "sys/wrapping/wrap" {
    capabilities = ["update"]
}
path "sys/wrapping/lookup" {
    capabilities = ["update"]
}
path "sys/wrapping/unwrap" {
    capabilities = ["update"]
}

# Tools that keep nothing.
path "sys/tools/hash" {
    capabilities = ["update"]
}
path "sys/tools/hash/*" {
    capabilities = ["update"]
}
`;

/** The policy `response-wrapping`: what a wrapping token is good for. */
export const WRAPPING_TOKENS_POLICY = 'path "sys/wrapping/unwrap" { capabilities = ["update"] }';
