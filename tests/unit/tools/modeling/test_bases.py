import pytest

from kubestill.ground.errors import UserError
from kubestill.tools.modeling import bases


def test_a_folder_with_weights_is_a_base_and_others_are_refused(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"no model\.safetensors"):
        bases.find_base(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert bases.find_base(str(tmp_path)) == tmp_path
    monkeypatch.setattr(bases, "packaged", lambda: {"kubernetes-base": tmp_path})
    assert bases.find_base("kubernetes-base") == tmp_path
    with pytest.raises(UserError, match="did you mean 'kubernetes-base'"):
        bases.find_base("kubernetes-bass")
