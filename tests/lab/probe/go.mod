module lockage.invalid/tests/probe

go 1.21
