import io
import pickle


class Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if module in ("os", "posix", "subprocess", "builtins"):
            raise pickle.UnpicklingError("forbidden")
        return super().find_class(module, name)


def save_session(data):
    return pickle.dumps(data)


def load_session(blob):
    return Unpickler(io.BytesIO(blob)).load()
