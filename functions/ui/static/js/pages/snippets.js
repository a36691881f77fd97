// @ts-check
/** How each client sends its first profile, with the address of this server filled in; docs/clients.md has more. */

/** @typedef {{ name: string, hint: string, text: (address: string, credential: string) => string }} Snippet */

/** @type {Snippet[]} */
export const SNIPPETS = [
  {
    name: "curl",
    hint: "One stack, to check that uploads work. Send a pprof file the same way: --data-binary @cpu.pprof",
    text: (address, credential) =>
      `curl ${credential && `--user ':${credential}' `}--data-binary 'main;work 1' \\\n  '${address}/ingest?name=first-profile'`,
  },
  {
    name: "Python",
    hint: "pip install pyroscope-io. The first upload is sent after about 10 seconds.",
    text: (address, credential) =>
      `import pyroscope\n\npyroscope.configure(\n    application_name="my-service",\n    server_address="${address}",\n${
        credential && `    basic_auth_username="flamehouse",\n    basic_auth_password="${credential}",\n`
      })\n`,
  },
  {
    name: "Go",
    hint: "go get github.com/grafana/pyroscope-go. The first upload is sent after 15 seconds.",
    text: (address, credential) =>
      `import "github.com/grafana/pyroscope-go"\n\npyroscope.Start(pyroscope.Config{\n\tApplicationName: "my-service",\n\tServerAddress:   "${address}",\n${
        credential && `\tBasicAuthUser:     "flamehouse",\n\tBasicAuthPassword: "${credential}",\n`
      }})\n`,
  },
  {
    name: "Java",
    hint: "Needs the agent's jar from github.com/grafana/pyroscope-java.",
    text: (address, credential) =>
      `PYROSCOPE_APPLICATION_NAME=my-service \\\nPYROSCOPE_SERVER_ADDRESS=${address} \\\nPYROSCOPE_FORMAT=jfr \\\n${
        credential && `PYROSCOPE_BASIC_AUTH_USER=flamehouse \\\nPYROSCOPE_BASIC_AUTH_PASSWORD=${credential} \\\n`
      }java -javaagent:pyroscope.jar -jar my-service.jar\n`,
  },
  {
    name: "Node.js",
    hint: "npm install @pyroscope/nodejs. The first upload is sent after a minute.",
    text: (address, credential) =>
      `const Pyroscope = require("@pyroscope/nodejs");\n\nPyroscope.init({\n  appName: "my-service",\n  serverAddress: "${address}",\n${
        credential && `  basicAuthUser: "flamehouse",\n  basicAuthPassword: "${credential}",\n`
      }});\nPyroscope.start();\n`,
  },
  {
    name: "Ruby",
    hint: "gem install pyroscope",
    text: (address, credential) =>
      `require "pyroscope"\n\nPyroscope.configure do |config|\n  config.application_name = "my-service"\n  config.server_address = "${address}"\n${
        credential && `  config.basic_auth_username = "flamehouse"\n  config.basic_auth_password = "${credential}"\n`
      }end\n`,
  },
  {
    name: ".NET",
    hint: "Needs the profiler's library from github.com/grafana/pyroscope-dotnet.",
    text: (address, credential) =>
      `export PYROSCOPE_APPLICATION_NAME=my-service\nexport PYROSCOPE_SERVER_ADDRESS=${address}\nexport PYROSCOPE_PROFILING_ENABLED=1\n${
        credential && `export PYROSCOPE_BASIC_AUTH_USER=flamehouse\nexport PYROSCOPE_BASIC_AUTH_PASSWORD=${credential}\n`
      }export CORECLR_ENABLE_PROFILING=1\nexport CORECLR_PROFILER={BD1A650D-AC5D-4896-B64F-D6FA25D6B26A}\nexport CORECLR_PROFILER_PATH=Pyroscope.Profiler.Native.so\nexport LD_PRELOAD=Pyroscope.Linux.ApiWrapper.x64.so\n`,
  },
  {
    name: "Rust",
    hint: "cargo add pyroscope --features backend-pprof-rs. The first upload is sent after 10 seconds.",
    text: (address, credential) =>
      `let backend = pprof_backend(PprofConfig::default(), BackendConfig::default());\nlet agent = PyroscopeAgentBuilder::new("${address}", "my-service", 100, "pyroscope-rs", "2", backend)\n${
        credential && `    .basic_auth("flamehouse", "${credential}")\n`
      }    .build()?;\nlet running = agent.start()?;\n`,
  },
  {
    name: "Alloy",
    hint: "In pyroscope.scrape, pyroscope.ebpf or pyroscope.java, set forward_to to [pyroscope.write.flamehouse.receiver].",
    text: (address, credential) =>
      `pyroscope.write "flamehouse" {\n  endpoint {\n    url = "${address}"\n${
        credential && `    basic_auth {\n      username = "flamehouse"\n      password = "${credential}"\n    }\n`
      }  }\n}\n`,
  },
];
