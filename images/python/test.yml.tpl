schemaVersion: 2.0.0

commandTests:
  - name: python is {{ versions.python }}
    command: python
    args: [-c, "import platform; print(platform.python_version())"]
    expectedOutput: ["^{{ versions.python | replace('.', '\\\\.') }}\n$"]
  - name: python is {{ variables.implementation }}
    command: python
    args: [-c, "import platform; print(platform.python_implementation())"]
    expectedOutput: ["{{ variables.implementation }}"]
  - name: TLS reads the CA certificates
    command: python
    args: [-c, "import ssl; ssl.create_default_context(cafile='/etc/ssl/certs/ca-certificates.crt'); print('read')"]
    expectedOutput: ["read"]
{%- if variant == "dev" %}
  - name: pip is there, in an environment of its own
    command: pip
    args: [--version]
    expectedOutput: ["/opt/venv/"]
{%- endif %}

fileExistenceTests:
  - name: python is on the path
    path: /usr/local/bin/python
    shouldExist: true

metadataTest:
  envVars:
    - key: PYTHONUNBUFFERED
      value: "1"
  cmd: [python]
  user: {{ variables.user }}
  workdir: /home/{{ variables.user }}
