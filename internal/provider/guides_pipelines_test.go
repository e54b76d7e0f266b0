package provider

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// The tests here run the files of the guides on pipelines, GitOps and runbooks:
// configurations through the CLI, and the shell steps of workflow files with bash,
// in the environment that the file describes.

const guides = root + "/examples/guides/"

// newGuideCLI is a CLI in a copy of a folder of the examples, on the fixture.
func newGuideCLI(t *testing.T, f *fixture, folder string, env ...string) *cli {
	t.Helper()
	c := newCLI(t, nil, f.env(env...)...)
	copyTree(t, folder, c.dir)
	needFeatures(t, readText(t, filepath.Join(folder, "main.tf")))
	return c
}

// needBash skips the test on a machine that cannot run the scripts of the guides.
func needBash(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil || runtime.GOOS == "windows" {
		t.Skip("no bash")
	}
}

// runner is a machine that runs a pipeline: a checkout with a deploy.sh and the folder
// announce, and a terraform on the PATH that installs the provider as from a registry.
type runner struct {
	*cli
	f      *fixture
	deploy string // the command that deploy.sh runs: true or false
}

func newRunner(t *testing.T, backend string) *runner {
	t.Helper()
	needBash(t)
	r := &runner{newCLI(t, nil), newSecuredFixture(t, simulator.Options{}), "true"}
	copyTree(t, guides+"pipelines/announce", filepath.Join(r.dir, "announce"))
	r.write("announce/backend.tf", readText(t, guides+backend))
	r.write("deploy.sh", "#!/bin/sh\nexec \"$DEPLOY\"\n")
	r.write("mirror.tfrc", fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", filepath.Join(r.dir, "mirror")))
	p := must(program())
	host := map[bool]string{false: "registry.terraform.io", true: "registry.opentofu.org"}[p.tofu]
	bin, mirror := filepath.Join(r.dir, "bin"), filepath.Join(r.dir, "mirror", host, "seed-9e648b51", "servicerequest", "0.1.0", runtime.GOOS+"_"+runtime.GOARCH)
	if err := errors.Join(os.Chmod(filepath.Join(r.dir, "deploy.sh"), 0o700), os.MkdirAll(bin, 0o700), os.MkdirAll(mirror, 0o700),
		os.Symlink(p.path, filepath.Join(bin, "terraform")),
		os.Symlink(filepath.Join(must(build()), "terraform-provider-servicerequest"), filepath.Join(mirror, "terraform-provider-servicerequest_v0.1.0"))); err != nil {
		t.Fatal(err)
	}
	r.env = slices.DeleteFunc(r.env, func(pair string) bool { return strings.HasPrefix(pair, "TF_DATA_DIR=") })
	r.env = append(r.env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "TF_CLI_CONFIG_FILE="+filepath.Join(r.dir, "mirror.tfrc"))
	return r
}

// localState keeps the state in a file, whatever the backend is.
func (r *runner) localState() {
	r.write("announce/backend_override.tf", "terraform {\n  backend \"local\" {}\n}\n")
}

// clean is a checkout on another machine: nothing is left of earlier runs.
func (r *runner) clean() {
	r.remove("announce/.terraform", "announce/.terraform.lock.hcl", "announce/terraform.tfstate", "announce/terraform.tfstate.backup")
}

// bash runs a script as a CI does: it ends with the first error. The endpoint of
// the service is the simulator's, whatever the file says.
func (r *runner) bash(folder, script string, env map[string]string) (output string, ok bool) {
	r.t.Helper()
	cmd := exec.Command("bash", "-e", "-o", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = filepath.Join(r.dir, folder), slices.Clone(r.env)
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env, "DEPLOY="+r.deploy, "SERVICEREQUEST_ENDPOINT="+r.f.URL(), "HUAWEICLOUD_SDK_STS_ENDPOINT="+r.f.URL(), "SERVICEREQUEST_METADATA_ENDPOINT="+r.f.URL())
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	return string(out), err == nil
}

// githubJob is what the test runs of a job. actionlint checks the rest of the file.
type githubJob struct {
	Defaults struct {
		Run struct {
			WorkingDirectory string `yaml:"working-directory"`
		}
	}
	Env         map[string]string
	Permissions map[string]string
	Steps       []struct {
		Run string
		Env map[string]string
	}
}

var githubExpression = regexp.MustCompile(`\$\{\{ (.+?) \}\}`)

// job runs a job of a workflow. context has the values of the expressions.
func (r *runner) job(j *githubJob, context map[string]string) (output string, ok bool) {
	r.t.Helper()
	for _, step := range j.Steps {
		if step.Run == "" {
			continue
		}
		env := merged(j.Env, step.Env)
		if j.Permissions["id-token"] == "write" {
			env["ACTIONS_ID_TOKEN_REQUEST_URL"] = r.f.idTokenURL()
			env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = requestToken
		}
		for name, value := range env {
			env[name] = githubExpression.ReplaceAllStringFunc(value, func(expression string) string {
				value, known := context[githubExpression.FindStringSubmatch(expression)[1]]
				if !known {
					r.t.Errorf("the test has no value for %s", expression)
				}
				return value
			})
		}
		var out string
		if out, ok = r.bash(j.Defaults.Run.WorkingDirectory, step.Run, env); !ok {
			return output + out, false
		}
		output += out
	}
	return output, ok
}

const (
	announcedLive   = "[deploy 4711 success] Release v1.4.0 is live in production. Please watch the connection resets from here on."
	announcedFailed = "[deploy 4711 failure] The deployment of release v1.4.0 to production failed. We are looking into it."
)

func TestGuideGitHubActions(t *testing.T) {
	t.Parallel()
	r := newRunner(t, "pipelines/github-actions/backend.tf")
	r.localState()
	text := readText(t, guides+"pipelines/github-actions/deploy.yml")
	var workflow struct{ Jobs map[string]*githubJob }
	if err := yaml.Unmarshal([]byte(text), &workflow); err != nil {
		t.Fatal(err)
	}
	wantAll(t, text, "always()") // announce runs after a failure
	wantValue(t, "the number of jobs that wait for their turn", strings.Count(text, "queue: max"), len(workflow.Jobs))
	deploy, announce := workflow.Jobs["deploy"], workflow.Jobs["announce"]
	run := func(runID, command string) (output string) {
		t.Helper()
		r.deploy = command
		context := map[string]string{
			"github.run_id": runID, "github.ref_name": "v1.4.0", "needs.deploy.result": map[string]string{"true": "success", "false": "failure"}[command],
			"secrets.PG_CONN_STR": "unused",
		}
		if out, ok := r.job(deploy, context); ok != (command == "true") {
			t.Fatalf("the deployment with %s:\n%s", command, out)
		}
		output, ok := r.job(announce, context)
		if !ok {
			t.Fatalf("the announcement fails:\n%s", output)
		}
		return output
	}

	wantAll(t, run("4711", "false"), "1 added, 0 changed, 0 destroyed")
	if out := run("4711", "true"); strings.Contains(out, "Warning") {
		t.Errorf("a new message warns:\n%s", out)
	}
	r.f.wantSubmits(t, 2)
	r.clean() // without the state, as in a pipeline that keeps none
	wantAll(t, run("4711", "true"), "Warning: The ticket already has this message", `"TT201801020526" = "existing"`)
	run("4712", "true")
	r.f.wantContents(t, announcedFailed, announcedLive, strings.Replace(announcedLive, "4711", "4712", 1))
}

// gitlabJob is what the test runs of a job.
type gitlabJob struct {
	Extends, Stage string
	ResourceGroup  string                          `yaml:"resource_group"`
	IDTokens       map[string]struct{ Aud string } `yaml:"id_tokens"`
	Variables      map[string]string
	Rules          []struct{ If, When string }
	Script         []string
}

// stateServer keeps a state as GitLab does: with a lock.
type stateServer struct {
	mu            sync.Mutex
	state         []byte
	locks, locked int
}

func (s *stateServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, password, _ := r.BasicAuth()
	place, found := strings.CutPrefix(r.URL.Path, "/api/v4/projects/17/terraform/state/ticket-messages")
	switch call := r.Method + " " + place; {
	case user != "gitlab-ci-token" || password != "job-token" || !found:
		w.WriteHeader(http.StatusUnauthorized)
	case call == "POST /lock":
		s.locks, s.locked = s.locks+1, s.locked+1
	case call == "DELETE /lock":
		s.locked--
	case call == "POST ":
		s.state, _ = io.ReadAll(r.Body)
	case call == "GET " && s.state == nil:
		w.WriteHeader(http.StatusNoContent)
	case call == "GET ":
		_, _ = w.Write(s.state)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func TestGuideGitLabCI(t *testing.T) {
	t.Parallel()
	r := newRunner(t, "pipelines/gitlab-ci/backend.tf")
	state := &stateServer{}
	server := httptest.NewServer(state)
	t.Cleanup(server.Close)

	var file struct {
		Stages []string
		Jobs   map[string]gitlabJob `yaml:",inline"`
	}
	if err := yaml.Unmarshal([]byte(readText(t, guides+"pipelines/gitlab-ci/gitlab-ci.yml")), &file); err != nil {
		t.Fatal(err)
	}
	common := file.Jobs[".announce"]
	if common.ResourceGroup == "" || slices.Index(file.Stages, common.Stage) <= slices.Index(file.Stages, file.Jobs["deploy"].Stage) {
		t.Errorf("announce: %+v, stages %v", common, file.Stages)
	}
	pipeline := func(id, command string) string {
		t.Helper()
		r.deploy = command
		ci := map[string]string{
			"CI_COMMIT_TAG": "v1.4.0", "CI_PIPELINE_ID": id, "CI_PROJECT_ID": "17", "CI_API_V4_URL": server.URL + "/api/v4", "CI_JOB_TOKEN": "job-token",
		}
		for name, token := range common.IDTokens {
			ci[name] = r.f.IDToken(token.Aud, time.Hour)
		}
		if out, ok := r.bash(".", strings.Join(file.Jobs["deploy"].Script, "\n"), ci); ok != (command == "true") {
			t.Fatalf("deploy:\n%s", out)
		}
		name, when := "announce success", ""
		if command == "false" {
			name, when = "announce failure", "on_failure"
		}
		job := file.Jobs[name]
		if job.Extends != ".announce" || len(job.Rules) != 1 || job.Rules[0].If != "$CI_COMMIT_TAG" || job.Rules[0].When != when {
			t.Errorf("%s: %+v", name, job)
		}
		r.clean() // every job has a checkout of its own
		env := map[string]string{}
		for name, value := range merged(ci, common.Variables, job.Variables) {
			env[name] = os.Expand(value, func(name string) string { return ci[name] })
		}
		out, ok := r.bash(".", strings.Join(common.Script, "\n"), env)
		if !ok {
			t.Fatalf("announce:\n%s", out)
		}
		return out
	}
	pipeline("4711", "false")
	wantAll(t, pipeline("4711", "false"), "No changes") // the job is retried, and has the state
	pipeline("4711", "true")
	r.f.wantContents(t, announcedFailed, announcedLive)
	r.f.wantSubmits(t, 2)
	state.mu.Lock()
	defer state.mu.Unlock()
	if state.locks == 0 || state.locked != 0 {
		t.Errorf("%d locks, %d of them are left", state.locks, state.locked)
	}
}

// There is no interpreter for a Jenkinsfile here: its shell steps are run.
func TestGuideJenkins(t *testing.T) {
	t.Parallel()
	r := newRunner(t, "pipelines/github-actions/backend.tf")
	r.localState()
	text := readText(t, guides+"pipelines/jenkins/Jenkinsfile")
	steps := regexp.MustCompile(`(?s)\bsh (?:'''(.*?)'''|'(.*?)')`).FindAllStringSubmatch(text, -1)
	wantValue(t, "the number of shell steps", len(steps), 2)
	for _, step := range steps {
		env := map[string]string{"RELEASE": "v1.4.0", "TF_VAR_outcome": "success", "BUILD_TAG": "jenkins-team-release 1%2F4-4711"}
		for _, variable := range regexp.MustCompile(`(?m)^ +([A-Za-z_]+) = ['"](.*?)['"]`).FindAllStringSubmatch(text, -1) {
			env[variable[1]] = strings.Replace(variable[2], "${params.RELEASE}", "v1.4.0", 1)
		}
		if out, ok := r.bash(".", step[1]+step[2], env); !ok {
			t.Fatal(out)
		}
	}
	r.f.wantContents(t, strings.Replace(announcedLive, "4711", "jenkins-team-release-1-2F4-4711", 1))
}

// Each ticket gets the message, and one that refuses it keeps no other from it.
func TestGuideSeveralTickets(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	f.AddCase(simulator.Case{ID: "TT2"})
	c := newGuideCLI(t, f, guides+"pipelines/announce", "TF_VAR_release=v1.4.0", "TF_VAR_run_id=4711")
	c.run("apply", "-auto-approve", `-var=case_ids=["TT201801020526"]`)
	c.fail("apply", "-auto-approve", `-var=case_ids=["TT201801020526", "TT2", "no-such-case"]`)
	f.wantContents(t, announcedLive)
	if got := f.Messages("TT2"); len(got) != 1 || got[0].Content != announcedLive {
		t.Errorf("the second ticket has %v", got)
	}
	for name, refused := range map[string]string{"TF_VAR_outcome": "maybe", "TF_VAR_run_id": "a_b"} {
		c.env = append(c.env, name+"="+refused)
		c.fail("plan")
	}
}

func TestGuideGitOpsMessage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	c := newGuideCLI(t, f, guides+"gitops/message")
	c.write("release.auto.tfvars", readText(t, guides+"gitops/atlantis/release.auto.tfvars"))
	c.run("apply", "-auto-approve")
	c.run("plan", "-detailed-exitcode")
	f.wantContents(t, "[live 1.4.0] This release is live in production.")
	c.fail("plan", "-var=release=1_4")
	f.wantPosts(t, 1, 2)
}

// There is no controller here: its files are YAML, and set the one variable that has no default.
func TestGuideGitOpsManifests(t *testing.T) {
	t.Parallel()
	for file, variable := range map[string]string{
		"tofu-controller/terraform.yaml": "vars:\n[ -]+name: release\n", "crossplane/workspace.yaml": "vars:\n[ -]+key: release\n",
		"crossplane/application.yaml": "", "atlantis/atlantis.yaml": "", "atlantis/repos.yaml": "",
	} {
		text := readText(t, guides+"gitops/"+file)
		for document := range strings.SplitSeq(text, "\n---\n") {
			if err := yaml.Unmarshal([]byte(document), new(any)); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
		if !regexp.MustCompile(variable).MatchString(text) {
			t.Errorf("%s does not set the release", file)
		}
	}
}

// A backend and HCP Terraform are not reached from here: their blocks are valid.
func TestGuideBackendsAreValid(t *testing.T) {
	t.Parallel()
	for file, configuration := range map[string]string{
		"pipelines/github-actions/backend.tf": "pipelines/announce", "pipelines/gitlab-ci/backend.tf": "pipelines/announce",
		"gitops/hcp-terraform/cloud.tf": "gitops/message",
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			if strings.Contains(file, "hcp") {
				needCLI(t, 1, 0, "cloud blocks")
			}
			c := newCLI(t, nil)
			copyTree(t, guides+configuration, c.dir)
			c.write("backend.tf", readText(t, guides+file))
			c.run("validate")
		})
	}
}

func TestGuideRunbook(t *testing.T) {
	t.Parallel()
	const begins, ends = "[runbook 4711 begins] We restart node-1 now. Its log is attached.", "[runbook 4711 ends] node-1 has restarted. Please check the connection resets."
	closed := simulator.Case{ID: testCase, Status: 3}
	t.Run("whole", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, simulator.Options{StrictAccessories: true})
		c := newGuideCLI(t, f, guides+"runbook", "TF_VAR_run_id=4711")
		c.run("apply", "-auto-approve")
		c.run("plan", "-detailed-exitcode")
		messages := f.Messages(testCase)
		if len(messages) != 2 || messages[0].Content != begins || messages[1].Content != ends || len(messages[0].AccessoryIDs) != 1 {
			t.Errorf("the ticket has %+v", messages)
		}
		// A changed log goes to the service, but the messages are there.
		c.write("logs/node-1.txt", "another log")
		wantAll(t, c.run("apply", "-auto-approve").output(), "2 added, 0 changed, 2 destroyed", "The idempotency_key stays the same")
		f.wantContents(t, begins, ends)

		f.AddCase(closed)
		wantAll(t, c.fail("plan").output(), "The ticket is completed. Nothing was sent.")
		c.run("destroy", "-auto-approve", "-refresh=false")
		f.wantContents(t, begins, ends)
	})
	t.Run("closed in the meantime", func(t *testing.T) {
		t.Parallel()
		var observed atomic.Pointer[fixture] // the server runs before the fixture is there
		f := newFixture(t, simulator.Options{StrictAccessories: true, Observe: func(r simulator.Request) {
			if r.Operation == simulator.OpSubmit && observed.Load().Count(simulator.OpSubmit) == 1 {
				observed.Load().AddCase(closed)
			}
		}})
		observed.Store(f)
		c := newGuideCLI(t, f, guides+"runbook", "TF_VAR_run_id=4711")
		wantAll(t, c.fail("apply", "-auto-approve").output(), "The ticket is completed now. The last message was not sent.")
		f.wantContents(t, begins)
		f.AddCase(simulator.Case{ID: testCase, Status: 1})
		c.run("apply", "-auto-approve")
		f.wantContents(t, begins, ends)
	})
}

func TestExampleAttachmentsRefuseTheirNumber(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	c := newGuideCLI(t, f, guides+"attach-a-trace")
	for i := range 11 {
		c.write(fmt.Sprintf("many-%d.txt", i), "x")
	}
	for folder, want := range map[string]string{"none": "has 0 text files", ".": "has 11 text files"} {
		wantAll(t, c.fail("plan", "-var=traces="+folder).output(), want)
	}
	f.wantPosts(t, 0, 0)
}

// The module's own tests, with a mock of the provider.
func TestModuleDeployAnnotation(t *testing.T) {
	t.Parallel()
	const folder = root + "/examples/modules/deploy-annotation"
	t.Run("terraform test", func(t *testing.T) {
		t.Parallel()
		needCLI(t, 7, 8, "mock_provider")
		f := newFixture(t, simulator.Options{})
		wantAll(t, newGuideCLI(t, f, folder).run("test").output(), "0 failed")
		f.wantPosts(t, 0, 0)
	})
	t.Run("as a module", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, simulator.Options{})
		call := regexp.MustCompile("(?s)```terraform\n(.*?)```").FindStringSubmatch(readText(t, folder+"/README.md"))
		if call == nil {
			t.Fatal("the README has no example")
		}
		c := newCLI(t, map[string]string{"main.tf": "variable \"release\" {}\nvariable \"outcome\" {}\nvariable \"run_id\" {}\n" + call[1]},
			f.env("TF_VAR_release=1.4.0", "TF_VAR_outcome=cancelled", "TF_VAR_run_id=4711")...)
		copyTree(t, folder, filepath.Join(c.dir, "modules", "deploy-annotation"))
		c.run("get")
		c.run("apply", "-auto-approve")
		f.wantContents(t, "[annotate 4711 cancelled] The deployment of release 1.4.0 was cancelled.")
	})
}

// Every file of these folders is shown in a guide.
func TestGuideFilesAreShown(t *testing.T) {
	t.Parallel()
	var texts bytes.Buffer
	for _, guide := range []string{"pipelines", "gitops", "runbooks"} {
		texts.WriteString(readText(t, root+"/templates/guides/"+guide+".md.tmpl"))
	}
	for _, folder := range []string{"pipelines", "gitops", "runbook"} {
		err := filepath.WalkDir(guides+folder, func(name string, entry os.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				path := strings.TrimPrefix(filepath.ToSlash(name), root+"/")
				if !strings.Contains(texts.String(), `"`+path+`"`) {
					t.Errorf("no guide shows %s", path)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
