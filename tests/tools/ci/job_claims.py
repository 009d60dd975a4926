"""What the tokens of jobs say, as their providers document it."""

from __future__ import annotations

from typing import Any


def gitlab_claims(project: str, ref_type: str, ref: str) -> dict[str, Any]:
    """Of a job of GitLab, for a branch or tag ("ID token authentication", token payload)."""
    where = "heads" if ref_type == "branch" else "tags"
    return {
        "sub": f"project_path:{project}:ref_type:{ref_type}:ref:{ref}",
        "namespace_id": "72",
        "namespace_path": project.partition("/")[0],
        "project_id": "1217",
        "project_path": project,
        "project_visibility": "private",
        "user_login": "ada",
        "pipeline_id": "574",
        "pipeline_source": "push",
        "job_id": "302",
        "ref": ref,
        "ref_type": ref_type,
        "ref_path": f"refs/{where}/{ref}",
        "ref_protected": "true",
        "runner_id": 1,
        "runner_environment": "gitlab-hosted",
        "sha": "1" * 40,
        "ci_config_ref_uri": f"gitlab.com/{project}//.gitlab-ci.yml@refs/{where}/{ref}",
        "ci_config_sha": "1" * 40,
    }


def jenkins_claims(job: str) -> dict[str, Any]:
    """Of a build of Jenkins' plugin oidc-provider: the subject is the address of the job."""
    return {"sub": job, "build_number": 1}
