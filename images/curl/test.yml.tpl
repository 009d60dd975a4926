schemaVersion: 2.0.0

commandTests:
  - name: curl is {{ versions.curl }}
    command: curl
    args: [--version]
    expectedOutput: ["^curl {{ versions.curl | replace('.', '\\\\.') }} "]
  - name: it speaks https
    command: curl
    args: [--version]
    expectedOutput: ["Protocols:.* https "]
  - name: netcat is there
    command: which
    args: [nc]
    expectedOutput: ["/nc"]

metadataTest:
  entrypoint: [curl]
  cmd: [--help]
  user: {{ variables.user }}
