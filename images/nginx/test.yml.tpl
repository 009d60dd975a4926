schemaVersion: 2.0.0

commandTests:
  - name: nginx is {{ versions.nginx }}
    command: nginx
    args: [-v]
    expectedError: ["nginx/{{ versions.nginx | replace('.', '\\\\.') }}"]
  - name: its configuration is accepted
    command: nginx
    args: [-t, -e, stderr, -c, /srv/nginx/nginx.conf]
    expectedError: ["test is successful"]

fileContentTests:
  - name: it listens on port {{ variables.port }}
    path: /srv/nginx/nginx.conf
    expectedContents: ["listen {{ variables.port }};"]

fileExistenceTests:
  - name: there is a page to serve
    path: /srv/www/index.html
    shouldExist: true

metadataTest:
  exposedPorts: ["{{ variables.port }}"]
  user: {{ variables.user }}
