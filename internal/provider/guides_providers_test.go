package provider

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// The provider blocks of the guide on credentials get what the simulated issuers have for the
// names in them.
func TestGuideCredentials(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(root + "/examples/guides/credentials/*.tf")
	if err != nil || len(files) == 0 {
		t.Fatal("found none: ", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			options := guideIssuers
			options.AccessKeys = []simulator.AccessKey{testPair}
			f := newFixture(t, options)
			block := readText(t, file)
			env := []string{
				"ACTIONS_ID_TOKEN_REQUEST_URL=" + f.URL() + simulator.IDTokenRequestPath + "?api-version=2.0", "ACTIONS_ID_TOKEN_REQUEST_TOKEN=request-token",
				"SERVICEREQUEST_METADATA_ENDPOINT=" + f.URL(),
			}
			if strings.Contains(block, "assume_agency = ") {
				env = append(env, "HW_ACCESS_KEY="+testPair.AccessKey, "HW_SECRET_KEY="+testPair.SecretKey)
			}
			c := newCLI(t, map[string]string{"main.tf": requiredProvider + oneMessage, "provider.tf": block}, env...)
			override := "provider \"servicerequest\" {\n"
			for _, name := range []string{"endpoint", "sts_endpoint", "auth_url"} {
				if strings.Contains(block, "  "+name+" ") {
					override += "  " + name + " = \"" + f.URL() + "\"\n"
				}
			}
			c.write("provider_override.tf", override+"}\n")
			c.run("apply", "-auto-approve")
			f.wantContents(t, "hello")
			if got := headerOf(f.posts()[0], "Authorization") + headerOf(f.posts()[0], "X-Auth-Token"); !strings.Contains(got, "SIMULATED") && !strings.Contains(got, "MIIsimulated") {
				t.Errorf("posted with %s", got)
			}
		})
	}
}

// The provider block of each site is applied with the simulator as its endpoint.
// It is shown on the first page, and sends the language and the time zone that it sets.
func TestGuideSites(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(root + "/examples/guides/sites/*.tf")
	if err != nil || len(files) == 0 {
		t.Fatal("found none: ", err)
	}
	index := readText(t, root+"/templates/index.md.tmpl")
	value := func(t *testing.T, text, name string) string {
		t.Helper()
		m := regexp.MustCompile(`(?m)^  ` + name + ` += "(.+)"$`).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("no %s in:\n%s", name, text)
		}
		return m[1]
	}
	region := regexp.MustCompile(`^https://(osm|iam)\.([a-z0-9-]+\.myhuaweicloud\.(?:com|eu))$`)
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			block := readText(t, file)
			if !strings.Contains(index, `"examples/guides/sites/`+name+`"`) {
				t.Error("the first page does not show it")
			}
			service := region.FindStringSubmatch(value(t, block, "endpoint"))
			iam := region.FindStringSubmatch(value(t, block, "auth_url"))
			if service == nil || iam == nil || service[1] != "osm" || iam[1] != "iam" || service[2] != iam[2] {
				t.Errorf("the service is at %q and IAM at %q", service, iam)
			}
			f := newFixture(t, simulator.Options{})
			c := newCLI(t, map[string]string{
				"main.tf": requiredProvider + `
resource "servicerequest_case_message" "test" {
  case_id = "` + testCase + `"
  content = "hello"
}
`,
				"provider.tf": block,
			}, "SERVICEREQUEST_TOKEN="+testToken)
			c.write("provider_override.tf", "provider \"servicerequest\" {\n  endpoint = \""+f.URL()+"\"\n}\n")
			c.run("apply", "-auto-approve")
			f.wantContents(t, "hello")
			for header, want := range map[string]string{
				"X-Language": value(t, block, "language"), "X-Time-Zone": value(t, block, "time_zone"), "X-Site": "",
			} {
				if got := headerOf(f.posts()[0], header); got != want {
					t.Errorf("header %s = %q, want %q", header, got, want)
				}
			}
		})
	}
}
