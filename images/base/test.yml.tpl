schemaVersion: 2.0.0

commandTests:
  - name: it is Debian {{ versions.debian }}
    command: cat
    args: [/etc/os-release]
    expectedOutput: ["VERSION_CODENAME={{ versions.debian }}"]
  - name: there is a user to run as
    command: id
    args: [{{ variables.user }}]
    expectedOutput: ["uid={{ variables.uid }}\\({{ variables.user }}\\)"]

fileExistenceTests:
  - name: CA certificates
    path: /etc/ssl/certs/ca-certificates.crt
    shouldExist: true
    permissions: "-rw-r--r--"
  - name: time zones
    path: /usr/share/zoneinfo/Europe/Berlin
    shouldExist: true

fileContentTests:
  - name: apt takes nothing that is only recommended
    path: /etc/apt/apt.conf.d/90lockage
    expectedContents: ['APT::Install-Recommends "false";']

metadataTest:
  envVars:
    - key: LANG
      value: C.UTF-8
  cmd: [bash]
