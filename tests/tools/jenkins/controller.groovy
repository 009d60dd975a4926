// A controller for one build of one Jenkinsfile, with the Groovy that Jenkins has: declarative stages in their order, and
// `sh` for real, in workspaces that builds use again. Argument: a file with what the build gets, which also names the file
// for what Jenkins would keep of it. Not Jenkins: no sandbox, no CPS, one branch of `parallel` after the other.
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import org.codehaus.groovy.control.CompilerConfiguration

abstract class Controller extends Script {
  Map stages = [:]
  List kept = []
  Map stashes = [:]
  List busy = []
  List<List> conditions = []
  List<Map> open = []

  // Declarative
  def pipeline(Closure body) { body() }
  def getNone() { null }
  def agent(Object none) { assert none == null }
  def agent(Closure body) { body() }
  def label(String name) { open.last().label = name }
  def options(Closure body) { body() }
  def disableConcurrentBuilds(Map options) { }
  def timeout(Map limit) { }
  def triggers(Closure body) { body() }
  def cron(String times) { }
  def stages(Closure body) { body() }
  def script(Closure body) { body() }
  def always(Closure body) { body() }

  def stage(String name, Closure body) {
    open << [skipped: false]
    body()
    def ended = open.pop()
    stages[name] = ended.skipped ? 'SKIPPED' : ended.fault ? 'FAILURE' : 'SUCCESS'
    if (ended.fault) throw ended.fault
  }

  def when(Closure body) { open.last().skipped = !all(body) }

  def steps(Closure body) {
    if (open.last().skipped) return
    try {
      node(open.last().label) { checkout scm; body() }
    } catch (Throwable fault) {
      open.last().fault = fault
    }
  }

  def post(Closure body) { if (!open.last().skipped) node(open.last().label, body) }

  // Conditions
  boolean all(Closure body) {
    conditions << []
    body()
    return conditions.pop().every { it }
  }
  def holds(boolean value) { conditions.last() << value }
  def allOf(Closure body) { holds(all(body)) }
  def not(Closure body) { holds(!all(body)) }
  def branch(String name) { holds(env.BRANCH_NAME == name && !env.TAG_NAME) }
  def tag(String pattern) { holds(env.TAG_NAME && env.TAG_NAME ==~ pattern.replace('*', '.*')) }
  def buildingTag() { holds(env.TAG_NAME as boolean) }
  def triggeredBy(String cause) { holds(cause == 'TimerTrigger' && build.timer) }

  // Steps
  def parallel(Map branches) { branches.each { name, body -> body() } }

  def node(String label, Closure body) {
    def name = busy.contains(label) ? label + '@2' : label
    def outer = env.subMap(['WORKSPACE', 'WORKSPACE_TMP'])
    busy << name
    env.WORKSPACE = "${build.workspaces}/${name}".toString()
    env.WORKSPACE_TMP = env.WORKSPACE + '@tmp'
    [env.WORKSPACE, env.WORKSPACE_TMP].each { new File(it).mkdirs() }
    try { body() } finally { busy.remove(name); env.putAll(outer) }
  }

  def getScm() { build }

  def checkout(Map from) {
    execute("test -d .git || git init --quiet .; git fetch --quiet 'file://${from.origin}' ${from.commit} && " +
            "git -c advice.detachedHead=false checkout --quiet --force ${from.commit}")
  }

  def sh(Map options) {
    kept << options.script
    def out = execute(options.script)
    return options.returnStdout ? out : null
  }
  def sh(String script) { sh(script: script) }

  String execute(String script) {
    def builder = new ProcessBuilder('sh', '-xe', '-c', script)
    builder.directory(new File(env.WORKSPACE)).redirectError(ProcessBuilder.Redirect.INHERIT)
    builder.environment().clear()
    env.each { name, value -> if (value != null) builder.environment()[name] = value.toString() }
    def process = builder.start()
    process.outputStream.close()
    def out = process.inputStream.getText('UTF-8')
    print out
    if (process.waitFor()) throw new RuntimeException('script returned exit code ' + process.exitValue())
    return out
  }

  def withEnv(List pairs, Closure body) {
    kept.addAll(pairs*.toString())
    def given = pairs.collectEntries { it.toString().split('=', 2) as List }
    within(given, body)
  }
  def file(Map binding) { binding }
  def string(Map binding) { binding }
  def withCredentials(List bindings, Closure body) {
    within(bindings.collectEntries {
      assert build.credentials.containsKey(it.credentialsId): "no credentials ${it.credentialsId}"
      [(it.variable): build.credentials[it.credentialsId]]
    }, body)
  }
  def within(Map given, Closure body) {
    def outer = given.collectEntries { name, value -> [(name): env[name]] }
    env.putAll(given)
    try { body() } finally { env.putAll(outer) }
  }

  def echo(String text) { println text }
  def dir(String path, Closure body) {
    def outer = env.WORKSPACE
    env.WORKSPACE = inWorkspace(path).path
    try { new File(env.WORKSPACE).mkdirs(); body() } finally { env.WORKSPACE = outer }
  }
  def deleteDir() { new File(env.WORKSPACE).deleteDir() }
  def stash(Map options) {
    def from = new File(env.WORKSPACE, options.includes)
    assert from.exists() || options.allowEmpty
    stashes[options.name] = from.exists() ? [(options.includes): from.bytes] : [:]
  }
  def unstash(String name) {
    if (!stashes.containsKey(name)) throw new IOException("No such saved stash ‘${name}’")
    new File(env.WORKSPACE).mkdirs()
    stashes[name].each { path, bytes -> def file = new File(env.WORKSPACE, path); file.parentFile.mkdirs(); file.bytes = bytes }
  }

  String readFile(Object path) { inWorkspace(path.toString()).text }
  File inWorkspace(String path) { path.startsWith('/') ? new File(path) : new File(env.WORKSPACE, path) }
  def readJSON(Map from) { new JsonSlurper().parseText(from.text ?: readFile(from.file)) }
  def junit(Map options) {
    def results = new File(env.WORKSPACE, options.testResults)
    assert results.exists() || options.allowEmptyResults
    if (results.exists()) new XmlSlurper().parse(results)
  }
  def archiveArtifacts(Map options) {
    def from = new File(env.WORKSPACE, options.artifacts.replace('/**', ''))
    assert from.exists() || options.allowEmptyArchive
    if (from.exists()) execute("mkdir -p '${build.artifacts}' && cp --recursive ${options.artifacts.replace('/**', '')} '${build.artifacts}'")
  }
}

def build = new JsonSlurper().parse(new File(args[0]))
def settings = new CompilerConfiguration(scriptBaseClass: Controller.name)
def pipeline = new GroovyShell(Controller.classLoader, new Binding(build: build, env: build.env), settings).parse(new File(build.file))
def code = 0
try { pipeline.run() } catch (Throwable fault) { println fault; code = 1 }
new File(build.record).text = JsonOutput.toJson([stages: pipeline.stages, kept: pipeline.kept])
System.exit(code)
