module lockage.invalid/tests/policy-controller

go 1.26.0

require github.com/sigstore/policy-controller v0.13.0
