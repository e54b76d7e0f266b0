// Package fidelity compares this provider with Huawei Cloud's own Go SDK, which is taken as it comes:
//
//   - the vectors with which internal/signing tests itself are what the SDK says, byte for byte (TestVectors);
//   - the SDK's client of the service gets along with internal/simulator (TestTheSDKDrivesTheSimulator);
//   - the provider's client posts a message as the SDK does (TestTheProviderPostsAsTheSDKDoes).
//
// It is a module of its own so that the SDK does not enter the provider's dependencies, and so that the provider's
// tests run without it. To run it, or to write the vectors anew:
//
//	cd internal/fidelity && go test ./...
//	cd internal/fidelity && go test -run TestVectors -update
//
// The module builds the provider from ../.., and so shares a few dependencies with it: after those have changed
// there, run go mod tidy here.
package fidelity
