schemaVersion: 2.0.0
commandTests:
  - name: "curl-works"
    command: curl
    args: ["--version"]
