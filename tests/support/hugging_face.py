"""Our students beside Hugging Face's modules with the same weights."""

import torch


def assert_equal_to_hugging_face(models, layout, lesson, rtol):
    """Compare logits and gradients of (theirs, ours) on (ids [B,T], where [N] in B*T, targets [N]); ours may not add to what it finds."""
    (model, ours), (ids, where, targets) = models, lesson
    theirs = model(ids).logits.view(ids.numel(), -1)[where]
    found = ours.logits(ids, where)
    torch.testing.assert_close(found, theirs, atol=1e-4, rtol=1e-4)
    torch.nn.functional.cross_entropy(theirs, targets).backward()
    torch.nn.functional.cross_entropy(found, targets).backward()
    grad = torch.full((layout.total,), 7.0)
    ours.collect(grad, add=False)
    named = layout.named(grad)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(named[name], parameter.grad, atol=1e-5, rtol=rtol, msg=lambda told, name=name: f"{name}: {told}")
