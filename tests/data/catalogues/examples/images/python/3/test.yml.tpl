schemaVersion: 2.0.0
fileExistenceTests:
  - name: "config-exists"
    path: "/etc/python-info"
    shouldExist: true

fileContentTests:
  - name: "config-has-version-content"
    path: "/etc/python-info"
    expectedContents: ["level=version"]
