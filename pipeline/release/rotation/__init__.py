"""After a rotation: what environments hold, signed again by the signer of today."""
