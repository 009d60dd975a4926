schemaVersion: 2.0.0
commandTests:
  - name: "{{ tag }} releases"
    command: semantic-release
    args: ["--version"]
    expectedOutput: ["{{ versions.semantic_release }}"]
