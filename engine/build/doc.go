// Package build makes images of Dockerfiles: BuildKit on the engine's own
// containerd, in a process that runs only while it is wanted. Images go from
// the builder to the pods' store without a registry, and base images the same
// way back. It never pushes, and never writes where the containers of pods
// lie. Start with Part (the process) or Build (its users).
package build
