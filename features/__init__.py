"""Events become numbers: over windows of each entity, and by expressions."""
